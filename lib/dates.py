"""Calendar dates as day numbers, in whole numbers only.

A day number counts days from 1970-01-01 (which is 0), so a date is Unix seconds // 86400, in UTC, on every port:
the epoch of `time.time()` never enters, and neither do floats, which on the chip lose seconds.
"""


def days(text):
    """The day number of "YYYY-MM-DD"; ValueError when `text` is no date of the Gregorian calendar."""
    if not isinstance(text, str) or len(text) != 10 or text[4] != "-" or text[7] != "-":
        raise ValueError("not a date")
    number = 0
    for character in text:
        if character != "-":
            digit = ord(character) - 48
            if not 0 <= digit <= 9:
                raise ValueError("not a date")
            number = number * 10 + digit
    year, month, day = number // 10000, number // 100 % 100, number % 100
    if year < 1 or not 1 <= month <= 12 or not 1 <= day <= _length(year, month):
        raise ValueError("not a date")
    # Years that begin in March put the leap day last, so that 153 days per five months holds throughout.
    if month > 2:
        month -= 3
    else:
        month += 9
        year -= 1
    century, year_of_era = year // 400, year % 400
    day_of_year = (153 * month + 2) // 5 + day - 1
    return century * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


def text(number):
    """The date of a day number as "YYYY-MM-DD"."""
    number += 719468
    century, day_of_era = number // 146097, number % 146097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    year = century * 400 + year_of_era
    if month < 10:
        month += 3
    else:
        month -= 9
        year += 1
    return f"{year:04d}-{month:02d}-{day:02d}"


def _length(year, month):
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31
