/** Corrections of typedoc's pages for readers that do not see them: landmarks, headings, tables and links. */

/** Gives the content and the menu of the page their landmarks. */
const addLandmarks = (html: string) =>
  html
    .replace('<div class="col-content">', '<main class="col-content">')
    .replace('</div>\n<div class="col-sidebar">', '</main>\n<div class="col-sidebar">')
    .replace('<div class="page-menu">', '<div class="page-menu" role="complementary" aria-label="This page">')

/** Removes links in summaries: a control in a control cannot be reached by all. */
const removeNestedLinks = (html: string) =>
  html.replaceAll(/<summary[^>]*>[\s\S]*?<\/summary>/g, (summary) =>
    summary.replaceAll(/<a [^>]*class="tsd-anchor-icon"[\s\S]*?<\/a>/g, "")
  )

/** Lowers the level of each heading to one below the heading before it. */
const orderHeadings = (html: string) => {
  let level = 0
  return html.replaceAll(
    /<h([1-6])\b([^>]*)>([\s\S]*?)<\/h\1>/g,
    (_, own: string, attributes: string, text: string) => {
      level = Math.min(Number(own), level + 1)
      return `<h${level}${attributes}>${text}</h${level}>`
    }
  )
}

/** Makes tables reachable by the keyboard, since they scroll; a corner of a table is not a header. */
const correctTables = (html: string) =>
  html.replaceAll("<table>", '<table tabindex="0">').replaceAll(/<th>\s*<\/th>/g, "<td></td>")

/** Corrects a page. */
export const correct = (html: string) => correctTables(orderHeadings(removeNestedLinks(addLandmarks(html))))
