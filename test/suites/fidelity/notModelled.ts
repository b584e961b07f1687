/**
 * The table of what the simulated network does not model, in the guide. Run this file with Node to write the table
 * again.
 */
import * as Fs from "node:fs"
import { load, type Scenario } from "./Fidelity.ts"

const guide = new URL("../../../docs/guide/simulation.md", import.meta.url)

/** The section of the guide: its heading and sentence, and then the table. */
const heading = "## Not modelled\n\n"
const about = `Each line is a scenario of the fidelity suite, which runs on Linux and on the simulated network and fails as soon as
both agree. All its other scenarios have the same result on both.

`

/** Returns the table, with one line for each scenario that differs, in Markdown. */
const table = (scenarios: ReadonlyArray<readonly [path: string, scenario: Scenario]>): string =>
  [
    "| behaviour | Linux | simulated network |",
    "| --- | --- | --- |",
    ...scenarios.flatMap(([, { notModelled }]) =>
      notModelled === undefined
        ? []
        : [`| ${notModelled.behaviour} | ${notModelled.linux} | ${notModelled.simulation} |`]
    )
  ].join("\n")

/** Returns the section of the guide as it is, and as it must be. */
export const section = async () => {
  const text = Fs.readFileSync(guide, "utf8")
  const from = text.indexOf(heading)
  if (from < 0) throw new Error(`no section "${heading.trim()}" in the guide`)
  const next = text.indexOf("\n## ", from + heading.length)
  const to = next < 0 ? text.length : next
  const expected = `${heading}${about}${table(await load())}\n`
  return { actual: text.slice(from, to), expected, replaced: text.slice(0, from) + expected + text.slice(to) }
}

if (import.meta.main) Fs.writeFileSync(guide, (await section()).replaced)
