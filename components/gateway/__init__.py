"""What the gateways' Envoys really do, read from these Envoys: no Pulumi in here."""
