import { describe } from "@effect/vitest"
import { suite } from "../suites/status/StatusPeers.ts"
import * as StatusWorld from "../suites/status/StatusWorld.ts"
import { assertNoLeaks } from "../support/Handles.ts"

describe("StatusPeer on a simulated network", () => suite(StatusWorld.simulated))

describe("StatusPeer on loopback", () => suite((test) => assertNoLeaks(StatusWorld.loopback(test))))
