import { assert, describe, it } from "@effect/vitest"
import * as Words from "../../../src/web/client/Words.ts"
import type * as PageState from "../../../src/web/PageState.ts"

type State = PageState.Service["state"]

const services = (...states: ReadonlyArray<State>) => states.map((state, at) => ({ name: `service-${at}`, state }))

const transfer = (
  id: number,
  state: PageState.Transfer["state"],
  more: Partial<PageState.Transfer> = {}
): PageState.Transfer => ({
  service: "tftp",
  id,
  direction: "download",
  file: "pxelinux.0",
  client: "192.168.1.20:2070",
  state,
  startedMillis: id,
  bytes: 10,
  bytesPerSecond: 100,
  resent: 1,
  blksize: 512,
  windowsize: 1,
  ...more
})

describe("Words", () => {
  it.each<[ReadonlyArray<State>, Words.Headline]>([
    [[], { tone: "muted", text: "No service runs" }],
    [["ready"], { tone: "good", text: "service-0 is ready" }],
    [["ready", "ready"], { tone: "good", text: "All 2 services are ready" }],
    [["ready", "failed", "starting"], { tone: "bad", text: "service-1 has failed" }],
    [["failed", "failed", "ready"], { tone: "bad", text: "2 of 3 services have failed" }],
    [["ready", "restarting", "stopped"], { tone: "warn", text: "service-1 restarts" }],
    [["starting", "starting"], { tone: "info", text: "2 of 2 services start" }],
    [["stopped", "ready"], { tone: "muted", text: "service-0 is stopped" }]
  ])("headline of %j names what matters most", (states, headline) =>
    assert.deepStrictEqual(Words.headline(services(...states)), headline)
  )

  it.each<[PageState.Peer["state"], number | undefined]>([
    ["alive", 3],
    ["suspect", 3],
    ["down", undefined],
    ["left", undefined]
  ])("peerFigures of a peer that is %s: old ones are not figures", (state, missed) => {
    const peer = { service: "status", id: "1", name: "ada", address: "10.0.0.1:2066", self: false, conflict: false }
    const figures = Words.peerFigures({ ...peer, state, ageMillis: 0, intervalMillis: 1, missed: 3, load: [1, 2, 3] })
    assert.strictEqual(figures.missed, missed)
    assert.strictEqual(figures.load === undefined, missed === undefined)
  })

  it.each<[ReadonlyArray<string>, string]>([
    [["transfers", "started"], "This ends its transfers."],
    [["clients", "accepted"], "This ends its connections."],
    [["subscribers"], "This ends its subscriptions."],
    [[], "It does not answer until it is ready again."]
  ])("restartWarning of a service with the figures %j says what ends", (names, warning) => {
    const figures = names.map((name) => ({ name, value: 1, unit: "count" as const }))
    assert.strictEqual(Words.restartWarning({ figures }), warning)
  })

  it("lastKnown is neither good nor bad, and says that it is old", () => {
    assert.deepStrictEqual(Words.lastKnown(services("ready", "ready")), {
      tone: "muted",
      text: "Last known: All 2 services are ready"
    })
    assert.strictEqual(Words.lastKnown(services("failed")).tone, "muted")
  })

  it("tokenProblem names a token that gives no control, and waits for the answer of the process", () => {
    const about = { version: "1.0.0", hasToken: true, hasControl: true, isAllowed: false }
    assert.match(Words.tokenProblem(about)!, /not valid.*Open the link/)
    assert.match(Words.tokenProblem({ ...about, hasControl: false })!, /not valid any more.*without control/)
    for (const fine of [{ version: "" }, { hasToken: false }, { isAllowed: true }])
      assert.isUndefined(Words.tokenProblem({ ...about, ...fine }))
  })

  it("leftOut says of how many transfers the list has some", () => {
    const listed = { running: 150, done: 40, notDone: 10 }
    assert.isUndefined(Words.leftOut(listed, listed))
    assert.strictEqual(Words.leftOut(listed, { ...listed, running: 254 }), "Listed: 150 of 254 that run.")
    assert.strictEqual(
      Words.leftOut(listed, { running: 254, done: 3_400, notDone: 12 }),
      "Listed: 150 of 254 that run, and the latest 50 of 3,412 that have ended."
    )
  })

  it.each([
    [5, 10, 0.5],
    [20, 10, 1],
    [-1, 10, 0],
    [0, 0, 1],
    [5, undefined, undefined],
    [5, -1, undefined]
  ])("fraction of %d in %d is %d", (done, total, fraction) => assert.strictEqual(Words.fraction(done, total), fraction))

  it("latestFirst has the running transfers first, each part with the newest first", () => {
    const rows = [
      transfer(1, "done", { endedMillis: 50 }),
      transfer(2, "running"),
      transfer(3, "failed", { endedMillis: 60 }),
      transfer(4, "running"),
      transfer(5, "running", { startedMillis: 4 })
    ]
    assert.deepStrictEqual(
      Words.latestFirst(rows).map(({ id }) => id),
      [5, 4, 2, 3, 1]
    )
  })
})
