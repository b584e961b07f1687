import { assert, describe, it } from "@effect/vitest"
import * as PageHtml from "../../../src/web/assets/PageHtml.ts"

const template = `<!doctype html>
<html>
  <head>
    <!-- A remark for authors. -->
    <link rel="icon" href="./favicon.svg" />
    <link rel="stylesheet" href="./styles/base.css" />
    <link rel="stylesheet" href="./styles/frame.css" />
    <script type="module" src="./main.tsx"></script>
  </head>
  <body><a href="#/">Start</a></body>
</html>
`

describe("PageHtml.page", () => {
  const urls = { "main.tsx": "/assets/main-1.js", "favicon.svg": "/assets/favicon-2.svg" }

  it("names the files of the build, and loads what the first script imports at once", () => {
    assert.strictEqual(
      PageHtml.page(template, urls, "/assets/page-3.css", ["/assets/a-4.js", "/assets/b-5.js"]),
      `<!doctype html>
<html>
  <head>
    <link rel="icon" href="/assets/favicon-2.svg" />
<link rel="stylesheet" href="/assets/page-3.css" />
<link rel="modulepreload" href="/assets/a-4.js" />
<link rel="modulepreload" href="/assets/b-5.js" />
    <script type="module" src="/assets/main-1.js"></script>
  </head>
  <body><a href="#/">Start</a></body>
</html>
`
    )
  })

  it("fails for a file that the build does not make", () => {
    assert.throws(() => PageHtml.page(`<img src="./logo.png" />`, urls, "", []), /refers to src="\.\/logo\.png"/)
  })
})

describe("PageHtml.laboratory", () => {
  const document = `<html><head><link rel="stylesheet" href="../styles/base.css" /></head><body><script src="./static.tsx"></script></body></html>`

  it("has styles and script within it, and the script cannot end the document", () => {
    const code = `const a = "</script><!-- $& $1", b = a</SCRIPT/.length`
    const html = PageHtml.laboratory(document, "<svg/>", "p{margin:0}", code)
    assert.strictEqual(
      html,
      `<html><head><link rel="icon" href="data:image/svg+xml,%3Csvg%2F%3E" />\n<style>p{margin:0}</style>\n</head><body><script>const a = "<\\/script><\\!-- $& $1", b = a<\\/SCRIPT/.length</script>\n</body></html>`
    )
  })

  it("fails for a document without a script", () => {
    assert.throws(() => PageHtml.laboratory("<html></html>", "", "", ""), /no script/)
  })
})

describe("PageHtml.shortenStyles", () => {
  it("removes comments and white space, and keeps what separates selectors and values", () => {
    const css = `/* The page. */
a:hover, p > b { margin: 0 auto ; --x: calc(1px + 2px); }

@media (width < 40rem) { .a .b::after { content: "·" } }
`
    assert.strictEqual(
      PageHtml.shortenStyles(css),
      `a:hover,p > b{margin: 0 auto;--x: calc(1px + 2px)}@media (width < 40rem){.a .b::after{content: "·"}}`
    )
  })
})
