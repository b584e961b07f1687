/**
 * node scripts/build-failure-page.ts
 *
 * Bundles the script of the page of a failed run and its styles, and writes them as
 * `PageScript.ts` and `PageStyles.ts` in `src/simulation/explain/html/`, so that the package and the sources need no
 * bundler for a page. The same sources give the same texts.
 */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { rolldown } from "rolldown"
import * as PageHtml from "../src/web/assets/PageHtml.ts"

const root = Path.join(import.meta.dirname, "..")

const client = Path.join(root, "src/web/client")

/** The folder of the modules that are written. */
export const target = Path.join(root, "src/simulation/explain/html")

const bundleScript = async (): Promise<string> => {
  const build = await rolldown({
    input: Path.join(client, "failure/main.ts"),
    cwd: client,
    platform: "browser",
    transform: { target: "es2022" }
  })
  const { output } = await build.generate({ format: "iife", minify: true, comments: false })
  await build.close()
  return PageHtml.inlineScript(output[0].code.trim())
}

const bundleStyles = () => {
  const paths = ["styles/base.css", "failure/failure.css"]
  return PageHtml.shortenStyles(paths.map((path) => Fs.readFileSync(Path.join(client, path), "utf8")).join("\n"))
}

const lineChars = 110

/** Formats a module with a text in base64, and with the hash by which the security policy of the page allows it. */
const module = (about: string, name: string, text: string) => {
  const lines = Buffer.from(text)
    .toString("base64")
    .match(new RegExp(`.{1,${lineChars}}`, "g"))!
  return [
    `/** ${about} of the page of a failed run, bundled by \`scripts/build-failure-page.ts\`: in base64. */`,
    "const encoded =",
    lines.map((line) => `  "${line}"`).join(" +\n"),
    "",
    "/** Text of it. */",
    `export const ${name} = new TextDecoder().decode(Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0)))`,
    "",
    "/** SHA-256 of it, in base64. */",
    `export const hash = "${Crypto.createHash("sha256").update(text).digest("base64")}"`,
    ""
  ].join("\n")
}

/** Bundles the page and returns the texts of its modules by their names. */
export const build = async (): Promise<Readonly<Record<string, string>>> => ({
  "PageScript.ts": module("Script", "script", await bundleScript()),
  "PageStyles.ts": module("Styles", "styles", bundleStyles())
})

if (import.meta.main) {
  for (const [name, text] of Object.entries(await build())) Fs.writeFileSync(Path.join(target, name), text)
}
