"""What a day taught: numbers from its record, drawn and written for people.

It reads no clock, no database and no cluster: a `DayRecord` and the instant of writing go in.
"""
