// Draws the diagrams of a page. The library is loaded by pages with diagrams only.
const isDark = () => {
  const { theme } = document.documentElement.dataset
  return theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches)
}

const drawDiagrams = async (assets) => {
  const blocks = [...document.querySelectorAll("code.mermaid")]
  if (blocks.length === 0) return
  const { default: mermaid } = await import(new URL("mermaid/mermaid.esm.min.mjs", assets))
  // In their own size: the frame of a diagram scrolls.
  const layout = { useMaxWidth: false }
  const layouts = { flowchart: layout, sequence: layout, state: layout, class: layout }
  mermaid.initialize({ startOnLoad: false, theme: isDark() ? "dark" : "neutral", ...layouts })
  for (const [index, block] of blocks.entries()) {
    const { svg } = await mermaid.render(`diagram-${index}`, block.textContent)
    const figure = document.createElement("div")
    figure.className = "diagram"
    figure.tabIndex = 0
    figure.innerHTML = svg
    block.closest("pre").replaceWith(figure)
  }
}

drawDiagrams(new URL(".", document.currentScript.src))

// A link in a summary cannot be reached by all readers: it moves before the details.
const liftLinks = () => {
  for (const link of document.querySelectorAll("#tsd-nav-container summary > a")) {
    const summary = link.parentElement
    summary.setAttribute("aria-label", `Contents of ${link.textContent}`)
    link.classList.add("lifted")
    summary.parentElement.before(link)
  }
}

// The laboratory is beside the pages of typedoc: a link in the header leads to it from each of them.
const addLaboratory = () => {
  const link = document.createElement("a")
  link.href = new URL("laboratory.html", new URL(document.documentElement.dataset.base, location.href))
  link.textContent = "Laboratory"
  link.className = "laboratory"
  document.querySelector("#tsd-toolbar-links")?.append(link)
}

addLaboratory()

new MutationObserver(liftLinks).observe(document.querySelector("#tsd-nav-container"), {
  childList: true,
  subtree: true
})
