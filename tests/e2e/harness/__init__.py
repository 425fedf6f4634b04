"""What the end-to-end tests of Portcullis stand on: a throw-away PKI, backends, clients and the real binary.

The standard library, python3-cryptography for signatures, and the command-line programs openssl, curl and nginx. Nothing here waits for luck: whatever takes
time is polled against a deadline (harness.env.wait_until).

Settings, all optional: PORTCULLIS (the binary; default build/release/portcullis), PORTCULLIS_SHARED (default ../shared beside
the checkout), PORTCULLIS_SANITIZED=1 (the binary is some times slower), PORTCULLIS_E2E_SCALE (factor on the number of
iterations), PORTCULLIS_E2E_QUICK=1 (leave out the test that waits out real deadlines), PORTCULLIS_E2E_KEEP=1 (keep the
temporary directory). One test alone: `/usr/bin/python3 tests/e2e/test_http1.py Serving.test_100_continue`.
"""
