# An address from Berth that lives as long as this resource: made by apply, released by destroy.
# It needs curl where Terraform runs, and the token in the environment: export BERTH_TOKEN=…

terraform {
  required_version = ">= 1.4" # terraform_data
}

variable "berth_url" {
  type    = string
  default = "http://127.0.0.1:8000"
}

variable "prefix" {
  type    = string
  default = "192.168.3.0/24"
}

variable "dns_name" {
  type    = string
  default = "docker-03-grafana.spaceships.work"
}

variable "description" {
  type    = string
  default = ""
}

locals {
  # The key is this address's name in Berth. Keep it when the DNS name changes, and the address stays.
  key = "terraform-docker-03-grafana"
}

# Releases the address. It has no create provisioner, so it cannot be tainted: Terraform skips the destroy
# provisioner of a tainted resource, and the address would be left behind.
resource "terraform_data" "address" {
  input            = "${var.berth_url}/api/v1/allocations/${local.key}"
  triggers_replace = [var.berth_url, local.key, var.prefix]

  provisioner "local-exec" {
    when        = destroy
    environment = { URL = self.input }
    command     = "curl -fsS --retry 5 --retry-connrefused -X DELETE -H \"Authorization: Bearer $BERTH_TOKEN\" \"$URL\""
  }
}

# Makes the address, and changes what may change of it. Sending it again does no harm.
resource "terraform_data" "address_details" {
  input = jsonencode({
    prefix      = var.prefix
    dns_name    = var.dns_name
    description = var.description
    tags        = ["terraform"]
  })
  triggers_replace = [terraform_data.address.id, var.prefix, var.dns_name, var.description]

  provisioner "local-exec" {
    environment = { URL = terraform_data.address.output, BODY = self.input }
    command     = "curl --fail-with-body -sS --retry 5 --retry-connrefused -X PUT -H \"Authorization: Bearer $BERTH_TOKEN\" -H 'Content-Type: application/json' --data \"$BODY\" \"$URL\""
  }
}

output "allocation_url" {
  value      = terraform_data.address.output
  depends_on = [terraform_data.address_details]
}
