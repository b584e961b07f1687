/** Draws terminal output as SVG: `npm start | node scripts/docs/start-picture.ts > docs/npm-start.svg`. */
import { text } from "node:stream/consumers"

const columnPixels = 7.25
const rowPixels = 19
const marginPixels = 18

const escapeXml = (line: string) => line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

/** Returns the picture of a terminal that shows a command and its output. */
const draw = (command: string, output: ReadonlyArray<string>): string => {
  const lines = [`$ ${command}`, ...output]
  const width = Math.ceil(Math.max(...lines.map(({ length }) => length)) * columnPixels) + 2 * marginPixels
  const height = lines.length * rowPixels + 2 * marginPixels
  const rows = lines.map((line, row) => {
    const y = marginPixels + (row + 0.75) * rowPixels
    return `  <text x="${marginPixels}" y="${y}" fill="${row === 0 ? "#8bd5ff" : "#e6e6e6"}">${escapeXml(line)}</text>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`,
    `  font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12" style="white-space: pre">`,
    `  <rect width="100%" height="100%" rx="8" fill="#1b1f27"/>`,
    ...rows,
    "</svg>",
    ""
  ].join("\n")
}

const lines = (await text(process.stdin)).split("\n").filter((line) => line !== "" && !line.startsWith(">"))
process.stdout.write(draw("npm ci && npm start", lines))
