# A machine on Proxmox gets its address from Berth: `qm set --ipconfig0` writes it into the machine's cloud-init drive.
# It needs the module berth-address beside it, and ssh to the Proxmox host from where Terraform runs.
#
# The address is held: it is freed unless the machine, once it is up, confirms it with the same owner's token:
#   curl -fsS -X POST -H "Authorization: Bearer $BERTH_TOKEN" "$BERTH_URL/api/v1/allocations/<key>/confirm"

variable "berth_url" {
  type = string
}

variable "proxmox_host" {
  description = "Where qm runs, as ssh names it."
  type        = string
}

variable "vmid" {
  type = number
}

variable "key" {
  description = "The address's own name in Berth. Keep it for life."
  type        = string
}

variable "prefix" {
  type = string
}

variable "dns_name" {
  type = string
}

module "address" {
  source       = "./berth-address"
  berth_url    = var.berth_url
  berth_token  = null # from TF_HTTP_PASSWORD
  key          = var.key
  prefix       = var.prefix
  dns_name     = var.dns_name
  hold_seconds = 3600
}

# Run again when the address is another one, and not when its description changes.
resource "terraform_data" "ipconfig" {
  triggers_replace = [var.proxmox_host, var.vmid, module.address.proxmox]

  provisioner "local-exec" {
    environment = { HOST = var.proxmox_host, VMID = var.vmid, IPCONFIG = module.address.proxmox }
    command     = "ssh -- \"$HOST\" qm set \"$VMID\" --ipconfig0 \"$IPCONFIG\""
  }
}

output "address" {
  value = module.address.address
}
