/** HMAC by `node:crypto`, which signs and verifies synchronously, without a turn of the event loop. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"

export const layer = NodeCrypto.layerMac
