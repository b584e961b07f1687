/** The pure parts of the documentation site: pages, charts and the check of links. */
import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Charts from "../scripts/docs/Charts.ts"
import * as Headings from "../scripts/docs/Headings.ts"
import * as Html from "../scripts/docs/Html.ts"
import * as Links from "../scripts/docs/Links.ts"
import * as Pages from "../scripts/docs/Pages.ts"

const table = `|            | ours              | peer     | theirs        | ours / theirs | bar    |     |
| ---------- | ----------------- | -------- | ------------- | ------------- | ------ | --- |
| reads, 1/s | 1,340 (1,1..1,4)  | node:net | 1,455 (1..2)  | 0.92          | >= 0.9 | met |
|            |                   | C & fork | 10.5 (10..11) | 127           |        |     |
| empty      |                   | none     |               |               |        |     |
`

describe("charts", () => {
  it("have a bar for the package and for each peer of a measure", () => {
    assert.deepStrictEqual(Charts.parse(table), [
      {
        name: "reads, 1/s",
        bars: [
          { name: "effect-inet", text: "1,340", value: 1_340 },
          { name: "node:net", text: "1,455", value: 1_455 },
          { name: "C & fork", text: "10.5", value: 10.5 }
        ]
      }
    ])
  })

  it("stand before their table, as one block of HTML", () => {
    const page = Charts.insert(`Text\n\n${table}\nMore`)
    const [chart = "", rest] = page.slice("Text\n\n".length).split(/\n\n/)
    assert.match(chart, /^<div class="chart">\n[\s\S]*width:92\.1%[\s\S]*C &amp; fork[\s\S]*<\/div>$/)
    assert.include(rest, "| ours ")
  })

  it("show every table of the benchmarks", () => {
    const page = Fs.readFileSync(new URL("../docs/benchmarks.md", import.meta.url), "utf8")
    const count = (text: string) => page.split(text).length - 1
    assert.strictEqual(Charts.insert(page).split('<div class="chart">').length - 1, count("| ours / theirs"))
  })
})

describe("pages", () => {
  const isOnSite = (path: string) => path === "docs/guide/tftp.md"
  const convert = (text: string, path = "docs/course.md") => Pages.convert({ path, text }, isOnSite).text

  it("have the first heading as their title, and a group", () => {
    assert.strictEqual(
      convert("# The `course`\n\nText\n"),
      "---\ntitle: The course\ngroup: Start\n---\n\n# The `course`\n\nText\n"
    )
  })

  it("link to pages of the site, and to the repository for other files", () => {
    const link = (target: string) => /\(([^)]*)\)/.exec(convert(`# A\n\n[a](${target})`))![1]
    for (const target of ["guide/tftp.md", "guide/tftp.md#limits", "#here", "https://example.com/a"]) {
      assert.strictEqual(link(target), target)
    }
    assert.strictEqual(link("../src/rot13/Rot13.ts#L3"), `${Pages.repository}/src/rot13/Rot13.ts#L3`)
  })

  it("keep links in fences", () => {
    assert.include(convert("# A\n\n```md\n[a](../src/a.ts)\n```\n"), "[a](../src/a.ts)")
  })

  it("of the API belong to the modules that the package exports", () => {
    const indexes = new Map([["tftp", 'export * as Packet from "./protocol/Packet.ts"\n']])
    assert.strictEqual(Pages.apiPage("src/tftp/protocol/Packet.ts", indexes), "modules/tftp.Packet.html")
    assert.strictEqual(Pages.apiPage("src/tftp/index.ts", indexes), "modules/tftp.html")
    assert.isUndefined(Pages.apiPage("src/tftp/Packet.ts", indexes))
    assert.isUndefined(Pages.apiPage("src/none/Packet.ts", indexes))
  })
})

describe("headings", () => {
  /** The text that typedoc takes for the contents of a page. */
  const textOf = ({ children, content, type }: Headings.Token): string =>
    children === null ? (type === "text" ? content : "") : children.map(textOf).join("")
  const token = (type: string, content: string, children: ReadonlyArray<Headings.Token> | null = null) => ({
    type,
    content,
    children
  })

  it("have the text of their code spans in the contents", () => {
    const spans = [token("text", "With "), token("code_inline", "--stdio"), token("em_open", "")]
    const heading = [token("heading_open", ""), token("inline", "", spans), token("heading_close", "")]
    const paragraph = [token("paragraph_open", ""), token("inline", "", [token("code_inline", "code")])]
    Headings.addText([...heading, ...paragraph])
    assert.deepStrictEqual([...heading, ...paragraph].map(textOf), ["", "With --stdio", "", "", ""])
  })
})

describe("corrections", () => {
  it("give a page landmarks, headings in order and tables for the keyboard", () => {
    const page = [
      '<div class="col-content"><h1>a</h1><h4 id="b">b</h4>',
      '<summary><h2>c<a href="#c" class="tsd-anchor-icon"><svg/></a></h2></summary><table><th></th></table></div>',
      '<div class="col-sidebar">'
    ].join("\n")
    assert.strictEqual(
      Html.correct(page),
      [
        '<main class="col-content"><h1>a</h1><h2 id="b">b</h2>',
        '<summary><h2>c</h2></summary><table tabindex="0"><td></td></table></main>',
        '<div class="col-sidebar">'
      ].join("\n")
    )
  })
})

describe("links", () => {
  it("are broken if the file or its anchor is missing", () => {
    const site: Links.Site = new Map([
      ["index.html", '<h1 id="top"></h1><a href="a/b.html?q=1#one">b</a><img src="picture.svg"><a href="#top">top</a>'],
      [
        "a/b.html",
        '<p id="one"><a href="../index.html">up</a><a href="none.html">no</a><a href="../index.html#no">no</a>'
      ],
      ["picture.svg", undefined]
    ])
    assert.deepStrictEqual(Links.broken(site), ["a/b.html: none.html", "a/b.html: ../index.html#no"])
  })
})
