#include "bpf/events.h"
#include "bpf/state.h"
// The skeleton embeds structs of the two headers above.
#include "tracelet.skel.h"
