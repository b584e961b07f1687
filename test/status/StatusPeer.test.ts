import { describe } from "@effect/vitest"
import { suite } from "../suites/status/StatusPeers.ts"
import * as StatusTestNetwork from "../suites/status/StatusTestNetwork.ts"
import { assertNoLeaks } from "../support/Handles.ts"

describe("StatusPeer on a simulated network", () => suite(StatusTestNetwork.simulated))

describe("StatusPeer on loopback", () => suite((test) => assertNoLeaks(StatusTestNetwork.loopback(test))))
