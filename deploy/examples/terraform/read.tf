# The address for the rest of the configuration. A GET writes nothing, however often a plan runs it.
# Only this file needs the hashicorp/http provider.

variable "berth_token" {
  type      = string
  sensitive = true
}

data "http" "address" {
  url             = terraform_data.address.output
  request_headers = { Authorization = "Bearer ${var.berth_token}" }
  depends_on      = [terraform_data.address_details]

  lifecycle {
    postcondition {
      condition     = self.status_code == 200
      error_message = "Berth answered ${self.status_code}: ${self.response_body}"
    }
  }
}

output "address" {
  value = jsondecode(data.http.address.response_body).address
}
