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
  description = "The address's own name in Berth. Keep it for life: it is what makes a repeat safe."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9._:@-]{1,300}$", var.key)) && !contains(["null", ".", ".."], var.key)
    error_message = "A key has 1 to 300 of letters, digits and . _ : @ -, and is not null."
  }
}

variable "prefix" {
  description = "The prefix to take the next free address of: a CIDR, or its id in NetBox."
  type        = string
  default     = null
}

variable "ip_range" {
  description = "An IP range instead: first-last, or its id in NetBox."
  type        = string
  default     = null
}

variable "address" {
  description = "This very address, or none."
  type        = string
  default     = null
}

variable "vrf" {
  description = "A VRF's name, route distinguisher or id, where the prefix is in several."
  type        = string
  default     = null
}

variable "family" {
  description = "4 or 6."
  type        = number
  default     = null
}

variable "dns_name" {
  description = "The DNS name, checked against the convention."
  type        = string
  default     = null
}

variable "description" {
  type    = string
  default = null
}

variable "status" {
  type    = string
  default = null
}

variable "role" {
  type    = string
  default = null
}

variable "tenant" {
  description = "A tenant's name, slug or id."
  type        = string
  default     = null
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

variable "mac_address" {
  type    = string
  default = null
}

variable "assign_to" {
  description = "The interface that has the address: { device or virtual_machine = name or id, interface = name or id }."
  type        = map(string)
  default     = null
}

variable "hold_seconds" {
  description = "Seconds after which the address is freed, unless somebody confirms it."
  type        = number
  default     = null
}
