/** Signatures and encryption by node:crypto, for connections with a key: they take no turn of the event loop. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as Layer from "effect/Layer"

export const layer = Layer.merge(NodeCrypto.layerMac, NodeCrypto.layerAead)
