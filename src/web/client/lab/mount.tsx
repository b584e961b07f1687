/** The entry of the laboratory's own bundle. It shares no code with the page: neither makes the other larger. */
import { render } from "preact"
import { LabView } from "./LabView.tsx"

/** Shows the laboratory in an element, and returns its end. */
export const mount = (element: Element): (() => void) => {
  render(<LabView />, element)
  return () => render(null, element)
}
