#include "tracelet.skel.h"
