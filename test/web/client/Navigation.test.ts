import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Navigation from "../../../src/web/client/Navigation.ts"
import * as Route from "../../../src/web/client/Route.ts"
import * as PageState from "../../../src/web/PageState.ts"

const shell = Fs.readFileSync(new URL("../../../src/web/client/index.html", import.meta.url), "utf8")

describe("Navigation", () => {
  it("the static shell has the links of the header, in order", () => {
    const [nav] = /<nav[\s\S]*<\/nav>/.exec(shell)!
    const links = [...nav.matchAll(/<a href="([^"]*)">([^<]*)<\/a>/g)].map(([, href, label]) => [href, label])
    assert.deepStrictEqual(
      links,
      Navigation.items.map(({ label, route }) => [Route.format(route), label])
    )
  })

  it("the static shell has no inline script or style", () => {
    assert.notMatch(shell, /<style|\sstyle=|\son\w+=|javascript:/i)
    for (const [script] of shell.matchAll(/<script[\s\S]*?<\/script>/g)) assert.match(script, /src="[^"]+"><\/script>$/)
  })

  it("each link leads to its view", () => {
    for (const { route } of Navigation.items) assert.deepStrictEqual(Route.parse(Route.format(route)), route)
  })

  it.each<[string, ReadonlyArray<string>]>([
    ["#/", ["Overview"]],
    ["#/services/tftp", ["Overview"]],
    ["#/packets/tftp", ["Overview"]],
    ["#/play/board", ["Overview"]],
    ["#/peers", ["Peers"]],
    ["#/lab?seed=3", ["Laboratory"]],
    ["#/nowhere", []]
  ])("marks the link of %s, or that of the page above it", (address, labels) => {
    const route = Route.parse(address)
    const marked = Navigation.items.filter((item) => Navigation.currentOf(item, route) !== undefined)
    assert.deepStrictEqual(
      marked.map(({ label }) => label),
      labels
    )
  })

  it("leaves out the links of lists without a place, but not that of the page that is shown", () => {
    const labels = (address: string) =>
      Navigation.shownItems(new Set(["peers"]), Route.parse(address)).map(({ label }) => label)
    assert.deepStrictEqual(labels("#/"), ["Overview", "Peers", "Laboratory"])
    assert.deepStrictEqual(labels("#/farm"), ["Overview", "Peers", "Farm", "Laboratory"])
  })

  it("counts nothing in an empty process, and connections that are left out", () => {
    assert.deepStrictEqual(
      Navigation.items.map(({ count }) => count(PageState.empty)),
      [0, 0, 0, 0, 0, 0]
    )
    const snapshot = { ...PageState.empty, connections: { rows: [], omitted: 12 } }
    assert.strictEqual(Navigation.items[1]!.count(snapshot), 12)
    const totals = { running: 254, done: 0, notDone: 0, bytesPerSecond: 0, resent: 0 }
    const many = { ...PageState.empty, transfers: { rows: [], omitted: 254, totals } }
    assert.strictEqual(Navigation.items[2]!.count(many), 254)
  })
})
