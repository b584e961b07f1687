/** Elements made in one expression. All texts become text nodes: nothing of a run is read as markup. */

/** Values of attributes; `true` is an attribute without a value, and `false` or `undefined` none. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

/** Content of an element. */
export type Child = Node | string | undefined | ReadonlyArray<Child>

const append = (parent: Element, children: ReadonlyArray<Child>): void => {
  for (const child of children) {
    if (child === undefined) continue
    if (typeof child === "string" || child instanceof Node) parent.append(child)
    else append(parent, child as ReadonlyArray<Child>)
  }
}

const fill = <A extends Element>(element: A, attributes: Attributes, children: ReadonlyArray<Child>): A => {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue
    element.setAttribute(name, value === true ? "" : `${value}`)
  }
  append(element, children)
  return element
}

/** Creates an HTML element. */
export const h = <K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: ReadonlyArray<Child>
): HTMLElementTagNameMap[K] => fill(document.createElement(tag), attributes, children)

/** Creates an SVG element. */
export const svg = <K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: ReadonlyArray<Child>
): SVGElementTagNameMap[K] => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children)

/** Creates a button. */
export const button = (text: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement => {
  const element = h("button", { type: "button", class: "button button-small", ...attributes }, text)
  element.addEventListener("click", onClick)
  return element
}

/** Creates a choice of one, as radio buttons that look like one control. */
export const segments = (
  label: string,
  choices: ReadonlyArray<readonly [value: string, text: string]>,
  chosen: string,
  onChange: (value: string) => void
): HTMLElement => {
  const box = h("div", { class: "segments", role: "radiogroup", "aria-label": label })
  for (const [value, text] of choices) {
    const input = h("input", { type: "radio", name: label, value, checked: value === chosen })
    input.addEventListener("change", () => onChange(value))
    box.append(h("label", {}, input, text))
  }
  return box
}

/** Creates a check box with its label. */
export const checkBox = (text: string, isChecked: boolean, onChange: (isChecked: boolean) => void): HTMLElement => {
  const input = h("input", { type: "checkbox", checked: isChecked })
  input.addEventListener("change", () => onChange(input.checked))
  return h("label", { class: "check" }, input, text)
}
