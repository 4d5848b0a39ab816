"""Who this unit is, read once at boot from NVS and, where NVS has lost it, from its mirror.

`load` never raises. Either everything that signing needs is whole and belongs together, or the unit is not
provisioned, `damage` says why in plain words, and nothing secret or half-true is left in memory. The manufacturer's
signatures are not checked here (each costs most of a second): whoever receives the tokens checks them.
The private key leaves this object only into the signer; no command, log or report may touch `key`, `broker_secret`.
"""

from lib import rare


class Unit:
    """One unit's identity. All is None or empty unless `provisioned`, except `damage` and `dev`.

    The manufacturer's tokens and keys are read again whenever they are asked for: three kilobytes that are needed now
    and then. Whoever uses more than one claim asks once.
    """

    def __init__(self, nvs=None):
        self._nvs = nvs
        self.dev = False
        # What could not be read of the manufacturer's keys; without them the unit signs, but obeys nobody.
        self.anchors_damage = None
        self.refuse("not loaded")

    def refuse(self, damage):
        """Take the unit for not provisioned, `damage` being the plain reason: forgets every claim and secret."""
        self.provisioned = False
        self.damage = damage
        self.ueid = self.key = self.key_origin = None
        self.broker_user = self.broker_secret = None
        self.oemid = 0
        self.hwmodel = ""
        self.hwversion = []
        self.cnf = None
        self.model = self.serial = ""

    @property
    def binding(self):
        """The binding, as the manufacturer signed it (bytes)."""
        return self._kept("binding")

    @property
    def identity(self):
        """The identity, as the manufacturer signed it (bytes)."""
        return self._kept("identity")

    @property
    def claims(self):
        """What the identity says, as a new dictionary."""
        return self._kept("claims") or {}

    def anchors(self, role):
        """The manufacturer's keys of a role, by their `kid`, as 64 bytes each; none where they are damaged or lost."""
        try:
            return self._kept("anchors")[role] if self.provisioned and not self.anchors_damage else {}
        except OSError:
            return {}

    def _kept(self, name):
        if not self.provisioned:
            return None
        from firmware import identity_tokens

        try:
            return identity_tokens.read(self._nvs, name)
        finally:
            rare.forget(("firmware.identity_tokens", "firmware.mirror"))

    def check_key(self, public):
        """Compare the key the manufacturer bound with the 64-byte public key that the signer computed.

        A unit whose key is another's may sign nothing: returns whether it is still provisioned.
        """
        if self.provisioned and self.cnf != public:
            self.refuse("binding: names another key")
        return self.provisioned


def load(nvs):
    """The unit as NVS describes it. `nvs` has get_blob(key, limit) and get_i32(key)."""
    # Reading is the larger part of it, and never needed again.
    from firmware import identity_records

    unit = Unit(nvs)
    try:
        identity_records.fill(unit, nvs)
    finally:
        rare.forget(("firmware.identity_records", "firmware.mirror", "firmware.blob", "lib.strictjson"))
    return unit
