# A virtual machine in NetBox, with its interfaces and addresses, that lives as long as this module's resources:
# registered by apply, retired by destroy. It needs no provider but the one that is built into Terraform, and curl
# where Terraform runs.

terraform {
  required_version = ">= 1.4" # terraform_data
}

locals {
  url = "${trimsuffix(var.berth_url, "/")}/api/v1/virtual-machines/${var.key}"

  # What is not set is not sent, and what is not sent is left as people have it in NetBox.
  body = jsonencode(merge(
    { for name, value in {
      name          = var.name
      cluster       = var.cluster
      device        = var.device
      tenant        = var.tenant
      role          = var.role
      platform      = var.platform
      status        = var.status
      vcpus         = var.vcpus
      memory_mb     = var.memory_mb
      disk_gb       = var.disk_gb
      description   = var.description
      tags          = var.tags
      custom_fields = var.custom_fields
    } : name => value if value != null },
    { interfaces = var.interfaces },
  ))
}

# Retires the machine. It has no create provisioner, so it cannot be tainted: Terraform skips the destroy
# provisioner of a tainted resource, and the machine would be left behind.
resource "terraform_data" "release" {
  input            = local.url
  triggers_replace = [local.url, var.cluster] # a machine cannot move to another cluster

  provisioner "local-exec" {
    when        = destroy
    environment = { URL = self.input }
    command     = "sh '${path.module}/berth.sh' DELETE"
  }
}

# Registers it, and is run again when its interfaces change: whatever is built on its addresses stays as it is when
# its memory changes.
resource "terraform_data" "made" {
  input            = terraform_data.release.output
  triggers_replace = [terraform_data.release.id, jsonencode(var.interfaces)]

  provisioner "local-exec" {
    environment = { URL = local.url, BODY = local.body }
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
data "terraform_remote_state" "machine" {
  backend = "http"
  config = {
    address   = "${terraform_data.made.output}?format=terraform"
    username  = var.berth_token == null ? null : "berth"
    password  = var.berth_token
    retry_max = 5
  }
}
