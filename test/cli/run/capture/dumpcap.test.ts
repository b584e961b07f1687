import { assert, describe, it } from "@effect/vitest"
import * as dumpcap from "../../../../src/cli/run/capture/run/dumpcap.ts"

const progress = "Capturing on 'du0'\nFile: -\nPackets captured: 8\nPackets received/dropped on interface 'du0': 8/0\n"

describe("dumpcap", () => {
  it("has a reason for its end, also with the exit code 0 of an interface that has vanished", () => {
    const gone = 'The network adapter "du0" is no longer attached; the capture has stopped.'
    assert.isUndefined(dumpcap.reasonIn(progress))
    assert.strictEqual(dumpcap.reasonIn(`${progress}dumpcap: ${gone}\n`), gone)
  })
})
