"""Paper forms that were typed into a sheet: rows of a file to registrations. Pure; it registers nothing.

For villages without a network (domain 3.6): the forms go to the kecamatan or the regency, where they are typed in.
"""
