# An address from Berth that lives as long as this module's resources: made by apply, released by destroy.
# It needs no provider but the one that is built into Terraform, and curl where Terraform runs.

terraform {
  required_version = ">= 1.4" # terraform_data
}

locals {
  url = "${trimsuffix(var.berth_url, "/")}/api/v1/allocations/${var.key}"

  # An address cannot move: another place is another address.
  place = { prefix = var.prefix, ip_range = var.ip_range, vrf = var.vrf, address = var.address, family = var.family }

  # What is not set is not sent, and what is not sent is left as people have it in NetBox.
  wanted = {
    for name, value in merge(local.place, {
      dns_name      = var.dns_name
      description   = var.description
      status        = var.status
      role          = var.role
      tenant        = var.tenant
      tags          = var.tags
      custom_fields = var.custom_fields
      mac_address   = var.mac_address
      assign_to     = var.assign_to
    }) : name => value if value != null
  }
  body = jsonencode(local.wanted)

  # The deadline is for a new address only: sent again, it would begin anew for one that was confirmed.
  first = jsonencode(merge(
    local.wanted, { for name, value in { hold_seconds = var.hold_seconds } : name => value if value != null },
  ))
}

# Releases the address. It has no create provisioner, so it cannot be tainted: Terraform skips the destroy
# provisioner of a tainted resource, and the address would be left behind.
resource "terraform_data" "release" {
  input            = local.url
  triggers_replace = [local.url, local.place]

  provisioner "local-exec" {
    when        = destroy
    environment = { URL = self.input }
    command     = "sh '${path.module}/berth.sh' DELETE"
  }
}

# Makes the address, and is run again for another one only: whatever is built on the address stays as it is when
# a description changes.
resource "terraform_data" "made" {
  input            = terraform_data.release.output
  triggers_replace = [terraform_data.release.id]

  provisioner "local-exec" {
    environment = { URL = local.url, BODY = local.first }
    command     = "sh '${path.module}/berth.sh' PUT"
  }
}

# Changes what may change of it. Sending it again does no harm.
resource "terraform_data" "details" {
  triggers_replace = [terraform_data.made.id, local.body]

  provisioner "local-exec" {
    environment = { URL = local.url, BODY = local.body }
    command     = "sh '${path.module}/berth.sh' PUT"
  }
}

# Reads it, as NetBox holds it now. A read writes nothing, however often a plan runs it.
data "terraform_remote_state" "address" {
  backend = "http"
  config = {
    address   = "${terraform_data.made.output}?format=terraform"
    username  = var.berth_token == null ? null : "berth"
    password  = var.berth_token
    retry_max = 5
  }
}
