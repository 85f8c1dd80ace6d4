"""The words of the trade: values, commands and errors. No HTTP numbers, no database, no NetBox client."""
