# The next free addresses of a prefix, as they would be handed out now. Nothing is reserved and nothing is written:
# the next request may take them. It needs no provider but the one that is built into Terraform.

terraform {
  required_version = ">= 1.3"
}

variable "berth_url" {
  description = "Where Berth is, such as https://berth.example.com."
  type        = string
}

variable "berth_token" {
  description = "The token, which lands in the state. With null it is taken from TF_HTTP_USERNAME and TF_HTTP_PASSWORD, and does not."
  type        = string
  sensitive   = true
}

variable "prefix_id" {
  description = "The prefix's id in NetBox, which GET /api/v1/prefixes shows."
  type        = number
}

variable "limit" {
  description = "At most this many addresses, up to 100."
  type        = number
  default     = 10
}

data "terraform_remote_state" "free" {
  backend = "http"
  config = {
    address   = "${trimsuffix(var.berth_url, "/")}/api/v1/prefixes/${var.prefix_id}/available-ips?limit=${var.limit}&format=terraform"
    username  = var.berth_token == null ? null : "berth"
    password  = var.berth_token
    retry_max = 5
  }
}

output "available_ips" {
  description = "With their masks."
  value       = data.terraform_remote_state.free.outputs.items
}
