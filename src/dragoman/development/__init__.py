"""What `dragoman dev` has besides a gateway: virtual phones, faults, mail, callbacks to forward."""
