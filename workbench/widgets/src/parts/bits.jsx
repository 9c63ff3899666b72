// Small parts that every page uses.
import { Component } from "preact";
import { length, ms } from "../core/words.js";

/** Time since an instant, ticking by itself; `after` follows the figure. */
export function Age({ store, at, after = " ago" }) {
  return <>{length((store.clock.second.value - ms(at)) / 1000) + after}</>;
}

/** Draw only when what it is given changed: for the many alike. */
export function still(View) {
  return class extends Component {
    shouldComponentUpdate(next) {
      return Object.keys(next).some((key) => next[key] !== this.props[key]);
    }
    render(props) {
      return <View {...props} />;
    }
  };
}

export function Segmented({ label, options, value, onPick }) {
  return (
    <div class="seg" role="group" aria-label={label}>
      {options.map(([key, text, testid, title]) => (
        <button
          key={key}
          type="button"
          aria-pressed={value === key}
          data-testid={testid}
          title={title}
          onClick={() => onPick(key)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}

export const Priority = ({ alert }) => (
  <b class={`prio ${alert.priority.toLowerCase()}`} title={`Priority ${alert.priority[1]}`}>
    {alert.priority}
  </b>
);

/** A picture that says so when it cannot be had, instead of a broken sign. */
export class Picture extends Component {
  state = { failed: false, src: null };
  static getDerivedStateFromProps(props, state) {
    return props.src === state.src ? null : { failed: false, src: props.src };
  }
  render({ src, alt, lazy, ...rest }, { failed }) {
    if (!src || failed)
      return (
        <span class="no-picture" role="img" aria-label={alt || "No picture"}>
          No picture
        </span>
      );
    return (
      <img
        {...rest}
        src={src}
        alt={alt}
        loading={lazy ? "lazy" : "eager"}
        decoding="async"
        onError={() => this.setState({ failed: true })}
      />
    );
  }
}
