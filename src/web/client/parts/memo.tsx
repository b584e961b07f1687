/**
 * Components that are drawn again only with other properties.
 *
 * An element must not be kept for a later drawing, such as by `useMemo`: it keeps its first parent, and so the page as
 * it was then, with the elements that this one had kept.
 */
import { Component, type ComponentChild, type FunctionComponent } from "preact"

const isSame = (one: object, other: object): boolean => {
  const entries = Object.entries(one)
  return (
    entries.length === Object.keys(other).length &&
    entries.every(([name, value]) => value === (other as Record<string, unknown>)[name])
  )
}

/** Returns a component that is drawn again only if one of its properties is another value. */
export const memo = <Props extends object>(Inner: FunctionComponent<Props>) =>
  class extends Component<Props> {
    override shouldComponentUpdate(next: Props): boolean {
      return !isSame(this.props, next)
    }
    override render() {
      return <Inner {...this.props} />
    }
  }

/** Component that shows the result of a function, drawn again only with another function. */
export const Still = memo(({ draw }: { readonly draw: () => ComponentChild }) => <>{draw()}</>)
