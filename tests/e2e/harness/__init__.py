"""What the end-to-end tests of Portcullis stand on: a throw-away PKI, backends, clients and the real binary.

Standard library only, plus the command-line programs openssl, curl and nginx. Nothing here waits for luck: whatever takes
time is polled against a deadline (harness.env.wait_until).
"""
