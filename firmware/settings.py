"""What may be changed after the factory: Wi-Fi, broker, time servers, period, consent. One record in NVS.

Every value is checked before it is kept, and the flash is written only when a value really changes. A damaged record,
or one bad value in a good one, falls back to defaults and `damage` says so; consent that cannot be read is no consent.
Values that this version does not know are carried along, so that going back to an older version loses nothing.
"""

from lib import rare

_RARE = ("firmware.settings_records", "firmware.mirror", "firmware.blob", "lib.strictjson")


class Settings:
    """The settings as attributes, named as in settings_records; `writes` counts what this boot wrote to flash."""

    def __init__(self, nvs):
        from firmware import settings_records

        self._nvs = nvs
        self.writes = 0
        try:
            values, self._stored, self.damage = settings_records.read(nvs)
        finally:
            rare.forget(_RARE)
        for name in values:
            setattr(self, name, values[name])

    def set(self, name, value):
        """Check, keep and store one value; True when it changed. ValueError says what is wrong with it.

        OSError from the flash leaves the old value in force.
        """
        from firmware import settings_records

        try:
            settings_records.check(name, value)
            if value == getattr(self, name) and self.damage is None:
                return False
            changed = dict(self._stored)
            changed[name] = value
            settings_records.write(self._nvs, changed)
        finally:
            rare.forget(_RARE)
        self.writes += 1
        self._stored = changed
        self.damage = None
        setattr(self, name, value)
        return True
