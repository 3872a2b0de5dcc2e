// Part of the portable executable only.
#include <netdb.h>
#include <nss.h>

// Other ways to find a host (nsswitch.conf(5)) are libraries for another C library than ours; these two are in it.
[[maybe_unused]] static const int kConfigured = __nss_configure_lookup("hosts", "files dns");
