/** The small things that every page is made of. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { ago, moment } from "../format.ts";
import { now } from "../store/clock.ts";
import { problemsOf } from "../service.ts";

type Children = { children?: ComponentChildren };

/** A page's heading. A new page has the focus, so that a reader by ear hears where they are. */
export function PageHead({ title, kind, children }: { title: string; kind?: string } & Children): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  // Before anybody sees the heading: the two change together.
  useLayoutEffect(() => {
    document.title = `${title} · feature-maps`;
  }, [title]);
  useEffect(() => {
    if (document.activeElement === document.body || document.activeElement === null)
      heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <header class="page-head">
      <div class="page-title">
        {kind === undefined ? null : <p class="kind">{kind}</p>}
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
      </div>
      {children === undefined ? null : <div class="actions">{children}</div>}
    </header>
  );
}

let sections = 0;
/** A part of a page under a heading of its own. */
export function Section(
  props: { title: string; aside?: ComponentChildren; plain?: boolean; class?: string } & Children,
): JSX.Element {
  const id = useRef("");
  if (id.current === "") id.current = `section-${(sections += 1)}`;
  const { title, aside, plain = false, children } = props;
  return (
    <section class={`section ${plain ? "" : "card"} ${props.class ?? ""}`} aria-labelledby={id.current}>
      <div class="section-head">
        <h2 id={id.current}>{title}</h2>
        {aside === undefined ? null : <div class="aside">{aside}</div>}
      </div>
      {children}
    </section>
  );
}

/** Time as people say it; the exact one on pointing at it. */
export const Ago = ({ at }: { at: string }): JSX.Element => (
  <time dateTime={at} title={moment(at)}>
    {ago(at, now.value)}
  </time>
);

/** A sentence of the service: what stands between backticks is code. */
export const Sentence = ({ text }: { text: string }): JSX.Element => (
  <>{text.split("`").map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part))}</>
);

/** What went wrong, in the service's own words. */
export function ProblemNote({ problem, title }: { problem: Error | null; title?: string }): JSX.Element | null {
  if (problem === null) return null;
  const errors = problemsOf(problem).filter(({ pointer }) => pointer !== "");
  return (
    <div class="note bad" role="alert">
      <p>
        {title === undefined ? null : <strong>{title} </strong>}
        <Sentence text={problem.message} />
      </p>
      {errors.length > 1 ? (
        <ul>
          {errors.map(({ pointer, detail }) => (
            <li key={pointer}>
              <code>{pointer}</code> <Sentence text={detail} />
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

export const Warnings = ({ of }: { of: readonly string[] }): JSX.Element | null =>
  of.length === 0 ? null : (
    <ul class="note warn plain-list" aria-label="Warnings">
      {of.map((each) => (
        <li key={each}>
          <Sentence text={each} />
        </li>
      ))}
    </ul>
  );

/** Why something was chosen as it is, a sentence each. */
export const Reasons = ({ of }: { of: readonly string[] }): JSX.Element | null =>
  of.length === 0 ? null : (
    <details class="reasons" open>
      <summary>Why so</summary>
      <ul>
        {of.map((each) => (
          <li key={each}>
            <Sentence text={each} />
          </li>
        ))}
      </ul>
    </details>
  );

export const Empty = ({ title, children }: { title: string } & Children): JSX.Element => (
  <div class="empty">
    <p class="empty-title">{title}</p>
    {children}
  </div>
);

/**
 * Stands where something will be, and says so to those who cannot see it. What the page has below it is shown once it
 * has come, so that nothing moves from under a hand; not where a hand just asked for it on a page that stands.
 */
export const Waiting = ({ what, isAsked = false }: { what: string; isAsked?: boolean }): JSX.Element => (
  <p class={isAsked ? "waiting asked" : "waiting"} role="status">
    <span class="spinner" aria-hidden="true" /> {what}
  </p>
);

/** Share 0 to 1 of something that goes on; null while nobody knows. */
export const Progress = ({ share, label }: { share: number | null; label: string }): JSX.Element => (
  <progress class="progress" aria-label={label} max={1} {...(share === null ? {} : { value: share })} />
);

/** Terms and what they are. */
export const Facts = ({ of }: { of: readonly (readonly [string, ComponentChildren])[] }): JSX.Element => (
  <dl class="facts">
    {of.map(([term, value]) => (
      <div key={term}>
        <dt>{term}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);

/** A large number and what it counts. */
export const Figure = ({ value, label }: { value: ComponentChildren; label: string }): JSX.Element => (
  <div class="figure">
    <span class="figure-value">{value}</span>
    <span class="figure-label">{label}</span>
  </div>
);
