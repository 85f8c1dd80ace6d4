variable "berth_url" {
  description = "Where Berth is, such as https://berth.example.com."
  type        = string
}

variable "berth_token" {
  description = "The token for reading, which lands in the state. With null it is taken from TF_HTTP_USERNAME and TF_HTTP_PASSWORD, and does not."
  type        = string
  sensitive   = true
}

variable "key" {
  description = "The machine's own name in Berth. Keep it for life: it is what makes a repeat safe."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9._:@-]{1,280}$", var.key)) && !contains(["null", ".", ".."], var.key)
    error_message = "A machine's key has 1 to 280 of letters, digits and . _ : @ -, and is not null."
  }
}

variable "name" {
  description = "Its name, checked against the convention."
  type        = string
}

variable "cluster" {
  description = "A cluster's name or id: NetBox keeps names of machines unique in a cluster only."
  type        = string
}

variable "device" {
  description = "The host in the cluster that it runs on: name or id."
  type        = string
  default     = null
}

variable "tenant" {
  type    = string
  default = null
}

variable "role" {
  type    = string
  default = null
}

variable "platform" {
  type    = string
  default = null
}

variable "status" {
  type    = string
  default = null
}

variable "vcpus" {
  type    = number
  default = null
}

variable "memory_mb" {
  type    = number
  default = null
}

variable "disk_gb" {
  type    = number
  default = null
}

variable "description" {
  type    = string
  default = null
}

variable "tags" {
  description = "Names or slugs of tags that NetBox has."
  type        = list(string)
  default     = null
}

variable "custom_fields" {
  type    = any
  default = null
}

variable "interfaces" {
  description = "All interfaces that it shall have, as in Berth's API: [{ name, mac_address, addresses = [{ prefix, dns_name }] }]."
  type        = any
  default     = []
}
