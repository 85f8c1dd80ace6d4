# Run by NetBox's own `manage.py shell`: makes a token of an administrator's that is good for an hour, for
# `berth bootstrap`. The service `bootstrap` alone reads the file, and removes it.
import os
from datetime import timedelta
from pathlib import Path

from django.utils import timezone
from users.models import Token, User

admin = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
if admin is None:
    raise SystemExit("NetBox has no active administrator: set SUPERUSER_NAME in netbox.env, or make one")
token = Token(user=admin, description="berth bootstrap", expires=timezone.now() + timedelta(hours=1))
token.save()
file = Path(os.environ["ADMIN_TOKEN_FILE"])
file.touch(mode=0o600)
file.write_text(f"nbt_{token.key}.{token.token}\n")
