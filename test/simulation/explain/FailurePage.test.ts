/** The document of a failed run: its data, its limits, and that no text of the run is markup. */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as BuildFailurePage from "../../../scripts/build-failure-page.ts"
import type { FailedRun } from "../../../src/simulation/explain/FailedRun.ts"
import * as FailurePage from "../../../src/simulation/explain/html/FailurePage.ts"
import type { PageData } from "../../../src/simulation/explain/html/PageData.ts"
import * as PageSelection from "../../../src/simulation/explain/html/PageSelection.ts"
import * as FailedRuns from "../../support/simulation/FailedRuns.ts"

const format = ({ events, second, ...failure }: FailedRun) =>
  FailurePage.format(second === undefined ? [events] : [events, second], failure)

const dataOf = (page: string) =>
  JSON.parse(/<script id="data" type="application\/json">([^<]*)<\/script>/.exec(page)![1]!) as PageData

describe("page of a failed run", () => {
  it("is made by the script and the styles of the sources", async () => {
    for (const [name, text] of Object.entries(await BuildFailurePage.build())) {
      const written = Fs.readFileSync(Path.join(BuildFailurePage.target, name), "utf8")
      assert.isTrue(written === text, "run node scripts/build-failure-page.ts")
    }
  })

  it("allows its own script and styles only", () => {
    const page = format(FailedRuns.failed)
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!
    const hashOf = (text: string) => Crypto.createHash("sha256").update(text).digest("base64")
    const script = /<script>([\s\S]*?)<\/script>/.exec(page)![1]!
    const styles = /<style>([\s\S]*?)<\/style>/.exec(page)![1]!
    assert.include(policy, "default-src 'none'")
    assert.include(policy, `script-src 'sha256-${hashOf(script)}'`)
    assert.include(policy, `style-src 'sha256-${hashOf(styles)}'`)
    assert.notInclude(policy, "unsafe")
  })

  it("has no text of the run as markup", () => {
    const elements = (page: string) => page.match(/<[a-z!/]+/gi)!.length
    assert.strictEqual(elements(format(FailedRuns.hostile)), elements(format(FailedRuns.failed)))
  })

  it("has events, partitions of the plan, states and bytes", () => {
    const { difference, hosts, runs } = dataOf(format(FailedRuns.failed))
    assert.deepStrictEqual(hosts, ["client", "primary", "backup"])
    const [run, other] = runs
    const kinds = new Set(run!.events.map(({ kind }) => kind))
    assert.sameMembers([...kinds], ["packet", "log", "host", "link", "disk", "switch", "state", "reached", "end"])
    const put = run!.events.find(({ text }) => text === "PUT x=1")!
    assert.deepInclude(put, { host: "client", to: "primary", type: "PUT", size: 7, bytes: btoa("PUT x=1") })
    assert.isTrue(run!.events.some(({ text }) => text === "partition client|backup ends"))
    assert.strictEqual(run!.events.findLast(({ kind }) => kind === "state")?.content, '{"term":2,"entries":[]}')
    assert.strictEqual(other!.ending, "passes")
    const first = difference!.rows.find(([at, otherAt, isChanged]) => at < 0 || otherAt < 0 || isChanged === 1)!
    assert.include(run!.events[first[0]]!.text, "[EIO] disk: sync")
  })

  it("compares the two runs of a seed with their times and ports", () => {
    const { events } = FailedRuns.failed
    const last = events.length - 3
    const second = events.map((event, at) => (at === last ? { ...event, at: event.at + 1 } : event))
    const { difference, runs } = dataOf(format({ ...FailedRuns.failed, faultless: undefined, second }))
    assert.deepStrictEqual(
      runs.map(({ name }) => name),
      ["first run", "second run"]
    )
    const changed = difference!.rows.filter(([at, otherAt, isChanged]) => at < 0 || otherAt < 0 || isChanged === 1)
    assert.strictEqual(changed.length, 1)
    assert.strictEqual(runs[0]!.events[changed[0]![0]]!.at, events[last]!.at)
  })

  it("has the last packets of a long run, its faults, and the number of the others", () => {
    const packets = 100_000
    const page = format(FailedRuns.long(packets, 1_500))
    assert.isBelow(page.length, 20_000_000)
    const [run] = dataOf(page).runs
    const shown = run!.events.filter(({ kind }) => kind === "packet")
    assert.isAtMost(shown.length, 12_000)
    const omitted = run!.events.reduce((sum, { omittedBefore = 0 }) => sum + omittedBefore, 0)
    assert.strictEqual(shown.length + omitted, packets)
    assert.strictEqual(run!.total, packets)
    assert.isTrue(shown.some(({ isLost }) => isLost === true))
    assert.isUndefined(shown[0]!.bytes, "the first bytes have no room")
    assert.isString(shown.at(-1)!.bytes)
  })
})

describe("selection of events", () => {
  const events = Array.from({ length: 100 }, (_, at) => ({
    isImportant: at % 10 === 0,
    state: at === 7 || at === 33 ? "a" : undefined
  }))

  it("keeps the last events, important ones, the present states and those around the first difference", () => {
    const selected = PageSelection.select(events, 50, { last: 5, important: 3, around: 2 })
    assert.deepStrictEqual(selected, [0, 10, 20, 33, 48, 49, 50, 51, 95, 96, 97, 98, 99])
  })

  it("keeps all events of a short run", () => {
    const all = PageSelection.select(events, undefined, { last: 100, important: 0, around: 0 })
    assert.strictEqual(all.length, 100)
  })
})
