"""Many tasks over several workers while parts are killed; what must be true then is read from the tables alone."""
