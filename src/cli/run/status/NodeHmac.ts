/** HMAC by node:crypto: a packet is signed and checked without a turn of the event loop. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"

export const layer = NodeCrypto.layerMac
