# What is fixed with the interfaces. What may change besides, such as the memory, is what was put in.

output "key" {
  value = data.terraform_remote_state.machine.outputs.key
}

output "url" {
  description = "The machine in Berth's API."
  value       = terraform_data.made.output
}

output "primary_ip4" {
  description = "Without its mask; null where it has none."
  value       = data.terraform_remote_state.machine.outputs.primary_ip4
}

output "primary_ip6" {
  description = "Without its mask; null where it has none."
  value       = data.terraform_remote_state.machine.outputs.primary_ip6
}

output "gateway4" {
  description = "By Berth's policy; null where it knows none."
  value       = data.terraform_remote_state.machine.outputs.gateway4
}

output "gateway6" {
  description = "By Berth's policy; null where it knows none."
  value       = data.terraform_remote_state.machine.outputs.gateway6
}

output "interfaces" {
  description = "By name: mac_address, and addresses with key, address, ip, prefix_length, gateway, dns_servers and primary."
  value = {
    for interface in data.terraform_remote_state.machine.outputs.interfaces : interface.name => {
      mac_address = interface.mac_address
      addresses = [for each in interface.addresses : {
        key           = each.key
        primary       = each.primary
        address       = "${each.ip}/${each.prefix_length}"
        ip            = each.ip
        prefix_length = each.prefix_length
        gateway       = each.gateway
        dns_servers   = each.dns_servers
      }]
    }
  }
}

output "netbox_id" {
  value = data.terraform_remote_state.machine.outputs.netbox_id
}

output "netbox_url" {
  value = data.terraform_remote_state.machine.outputs.netbox_url
}
