# What is fixed with the address. What may change of it, such as the DNS name, is what was put in.

output "key" {
  value = data.terraform_remote_state.address.outputs.key
}

output "url" {
  description = "The allocation in Berth's API."
  value       = terraform_data.made.output
}

output "address" {
  description = "With its mask: 10.20.0.5/24."
  value       = local.with_mask
}

output "ip" {
  description = "Without it: 10.20.0.5."
  value       = data.terraform_remote_state.address.outputs.ip
}

output "prefix_length" {
  value = data.terraform_remote_state.address.outputs.prefix_length
}

output "netmask" {
  description = "As an address: 255.255.255.0."
  value       = data.terraform_remote_state.address.outputs.netmask
}

output "family" {
  value = data.terraform_remote_state.address.outputs.family
}

output "gateway" {
  description = "By Berth's policy; null where it knows none."
  value       = data.terraform_remote_state.address.outputs.gateway
}

output "dns_servers" {
  value = data.terraform_remote_state.address.outputs.dns_servers
}

output "proxmox" {
  description = "What `qm set --ipconfig0` takes."
  value = join(",", compact([
    "ip${local.suffix}=${local.with_mask}",
    data.terraform_remote_state.address.outputs.gateway == null ? "" :
    "gw${local.suffix}=${data.terraform_remote_state.address.outputs.gateway}",
  ]))
}

output "netbox_id" {
  value = data.terraform_remote_state.address.outputs.netbox_id
}

output "netbox_url" {
  value = data.terraform_remote_state.address.outputs.netbox_url
}

locals {
  # Berth shows an address as it was sent, which may be without its mask.
  with_mask = join("/", [
    data.terraform_remote_state.address.outputs.ip, data.terraform_remote_state.address.outputs.prefix_length,
  ])
  suffix = data.terraform_remote_state.address.outputs.family == 6 ? "6" : ""
}
