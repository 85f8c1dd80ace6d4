"""The policy file: YAML, read strictly into the frozen values of `app.domain.policy`."""

from app.policyfile.current import CurrentPolicy
from app.policyfile.load import PolicyWrong, load

__all__ = ["CurrentPolicy", "PolicyWrong", "load"]
