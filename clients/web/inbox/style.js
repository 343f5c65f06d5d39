// @ts-check
/** How the inbox looks. A page changes it by the custom properties at the top, and by parts. */

export const STYLE = `
:host {
  --_accent: var(--tocsin-accent, light-dark(#2f4fd8, #9db2ff));
  --_surface: var(--tocsin-surface, light-dark(#ffffff, #1b1d23));
  --_raised: var(--tocsin-raised, light-dark(#f4f5f8, #262932));
  --_unread: var(--tocsin-unread, light-dark(#f3f6ff, #20263a));
  --_text: var(--tocsin-text, light-dark(#16181d, #eceef2));
  --_muted: var(--tocsin-muted, light-dark(#5a6172, #a4abba));
  --_border: var(--tocsin-border, light-dark(#e3e6ec, #343845));
  --_badge: var(--tocsin-badge, light-dark(#c8203a, #ff6b7d));
  --_badge-text: var(--tocsin-badge-text, light-dark(#ffffff, #21060b));
  --_warning: var(--tocsin-warning, light-dark(#fff4d6, #3a3013));
  --_warning-text: var(--tocsin-warning-text, light-dark(#644700, #ffdf8f));
  --_radius: var(--tocsin-radius, 14px);
  --_font: var(--tocsin-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif);
  --_shadow: var(--tocsin-shadow, 0 0 0 1px light-dark(#10183014, #ffffff14), 0 4px 8px -2px light-dark(#10183014, #0006), 0 18px 48px -8px light-dark(#10183033, #000a));
  display: inline-block;
  position: relative;
  font: 400 14px/1.45 var(--_font);
  -webkit-tap-highlight-color: transparent;
}
:host([hidden]) { display: none; }
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host([theme="auto"]) { color-scheme: light dark; }
*, ::before, ::after { box-sizing: border-box; }
h2, h3, p, ol { margin: 0; padding: 0; font: inherit; }
ol { list-style: none; }
button { font: inherit; color: inherit; background: none; border: 0; margin: 0; padding: 0; cursor: pointer; text-align: start; }
button[aria-disabled="true"] { cursor: default; }
:focus { outline: none; }
:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
svg { display: block; flex: none; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
[hidden] { display: none !important; }
.spoken { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.bell { position: relative; display: grid; place-items: center; inline-size: 40px; block-size: 40px; border-radius: 12px; color: var(--tocsin-bell, inherit); transition: background-color .12s; }
.bell:focus-visible { outline-color: currentColor; }
.bell:hover, .bell[aria-expanded="true"] { background: color-mix(in srgb, currentColor 9%, transparent); }
.badge { position: absolute; inset-block-start: 2px; inset-inline-start: calc(50% + 1px); min-inline-size: 18px; block-size: 18px; padding-inline: 5px; border-radius: 9px; background: var(--_badge); color: var(--_badge-text); font: 650 11px/18px var(--_font); font-variant-numeric: tabular-nums; text-align: center; box-shadow: 0 0 0 2px var(--tocsin-badge-ring, transparent); pointer-events: none; }
.badge.fresh { animation: pop .32s cubic-bezier(.3, 1.6, .5, 1); }

.panel { position: fixed; inset: auto; margin: 0; padding: 0; border: 0; inline-size: min(var(--tocsin-panel-width, 400px), calc(100vw - 16px)); max-block-size: min(var(--tocsin-panel-height, 620px), var(--_room, 80vh)); overflow: hidden; flex-direction: column; border-radius: var(--_radius); background: var(--_surface); color: var(--_text); box-shadow: var(--_shadow); text-align: start; }
.panel:popover-open, .panel[open] { display: flex; animation: appear .14s ease-out; }
.panel:focus-visible { outline: none; }
.panel[open] { inset: 0; inline-size: 100vw; block-size: 100dvh; max-inline-size: none; max-block-size: none; border-radius: 0; box-shadow: none; }
.panel::backdrop { background: transparent; }

/* Its words may be longer in another language; then they take a second line. */
.header { position: relative; display: flex; flex-wrap: wrap; align-items: center; gap: 2px 10px; padding-block: 13px 12px; padding-inline: 18px 12px; border-block-end: 1px solid var(--_border); }
.heading { min-inline-size: 0; overflow-wrap: anywhere; font-size: 16px; font-weight: 650; letter-spacing: -.01em; }
.count, .heading:has(+ [hidden]) { flex: 1 0 auto; }
.count { color: var(--_muted); font-size: 13px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.header .mark-all { margin-inline: -8px -2px; }
.quiet { display: inline-flex; align-items: center; gap: 6px; min-block-size: 32px; padding: 4px 8px; border-radius: 8px; color: var(--_accent); font-size: 13px; font-weight: 550; transition: background-color .12s; }
.quiet:hover { background: color-mix(in srgb, var(--_accent) 10%, transparent); }
.quiet[aria-disabled="true"] { color: var(--_muted); background: none; }
.close { position: absolute; inset-inline-end: 6px; inset-block-start: max(8px, env(safe-area-inset-top)); display: none; place-items: center; inline-size: 40px; block-size: 40px; border-radius: 10px; color: var(--_muted); }
.close:hover { background: var(--_raised); }
.panel[open] .close { display: grid; }
.panel[open] .header { min-block-size: 57px; padding-block: max(10px, env(safe-area-inset-top)) 10px; padding-inline-end: 52px; }

.banner { display: flex; align-items: center; gap: 8px; padding: 8px 18px; background: var(--_warning); color: var(--_warning-text); font-size: 13px; }
.banner .again { margin-inline-start: auto; font-weight: 600; text-decoration: underline; text-underline-offset: 2px; padding: 4px; border-radius: 6px; white-space: nowrap; }

.scroller { flex: 1 1 auto; min-block-size: 0; overflow-y: auto; overscroll-behavior: contain; scrollbar-width: thin; scrollbar-color: color-mix(in srgb, var(--_muted) 50%, transparent) transparent; }
.panel[open] .scroller { padding-block-end: env(safe-area-inset-bottom); }
.item { position: relative; display: grid; grid-template-columns: 1fr auto; column-gap: 8px; padding-block: 13px 14px; padding-inline: 18px 12px; content-visibility: auto; contain-intrinsic-size: auto 84px; transition: background-color .2s; }
.item + .item { border-block-start: 1px solid var(--_border); }
.item.unread { background: var(--_unread); }
.item:hover { background: var(--_raised); }
.item.arrived { animation: arrive 1.6s ease-out; }
.item:has(.open:focus-visible) { outline: 2px solid var(--_accent); outline-offset: -2px; border-radius: 4px; }
/* Each text runs in its own direction, and all begin at the edge at which the page's lines begin. */
.text { text-align: start; min-inline-size: 0; overflow-wrap: anywhere; }
.title { font-weight: 500; }
.unread .title { font-weight: 650; }
.open { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; inline-size: 100%; font-weight: inherit; outline: none !important; }
/* The whole row is the button's, except for what lies above it. */
.open::after { content: ""; position: absolute; inset: 0; }
.message { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; margin-block-start: 2px; color: var(--_muted); font-size: 13.5px; white-space: pre-line; }
.unfolded .open, .unfolded .message { display: block; overflow: visible; }
.unfolded .message { position: relative; z-index: 1; white-space: pre-wrap; color: var(--_text); cursor: text; }
.time { display: block; margin-block-start: 5px; color: var(--_muted); font-size: 12px; font-variant-numeric: tabular-nums; }
.mark { position: relative; z-index: 1; display: grid; place-items: center; inline-size: 32px; block-size: 32px; margin-block-start: -6px; border-radius: 50%; color: var(--_accent); }
.mark::before { content: ""; grid-area: 1 / 1; inline-size: 9px; block-size: 9px; border-radius: 50%; background: currentColor; transition: scale .12s, opacity .12s; }
.mark svg { grid-area: 1 / 1; opacity: 0; transition: opacity .12s; }
.mark:hover, .mark:focus-visible { background: color-mix(in srgb, var(--_accent) 14%, transparent); }
.mark:hover::before, .mark:focus-visible::before { scale: .2; opacity: 0; }
.mark:hover svg, .mark:focus-visible svg { opacity: 1; }
.mark:focus-visible { outline-offset: -2px; }

.foot { display: grid; justify-items: center; gap: 2px; padding: 10px; border-block-start: 1px solid var(--_border); text-align: center; }
.foot p { color: var(--_muted); font-size: 13px; }
.foot .quiet[aria-busy="true"]::before { content: ""; inline-size: 14px; block-size: 14px; border: 2px solid currentColor; border-inline-end-color: transparent; border-radius: 50%; animation: spin .8s linear infinite; }
.note { display: grid; justify-items: center; gap: 4px; padding: 52px 32px 60px; text-align: center; color: var(--_muted); overflow-wrap: anywhere; }
.note .picture { display: grid; place-items: center; inline-size: 56px; block-size: 56px; margin-block-end: 10px; border-radius: 50%; background: var(--_raised); color: var(--_muted); }
.note .strong { color: var(--_text); font-size: 15px; font-weight: 600; }
.note .quiet { margin-block-start: 12px; padding-inline: 14px; background: color-mix(in srgb, var(--_accent) 10%, transparent); }
.bones { padding-block: 6px; }
.bone { display: grid; gap: 9px; padding: 14px 18px; }
.bone i { block-size: 10px; border-radius: 5px; background: var(--_raised); animation: breathe 1.4s ease-in-out infinite; }
.bone i:nth-child(1) { inline-size: 55%; } .bone i:nth-child(2) { inline-size: 88%; } .bone i:nth-child(3) { inline-size: 22%; }

@keyframes appear { from { opacity: 0; translate: 0 -4px; } }
@keyframes pop { from { scale: .4; } }
@keyframes arrive { from { background: color-mix(in srgb, var(--_accent) 26%, var(--_surface)); } }
@keyframes spin { to { rotate: 1turn; } }
@keyframes breathe { 50% { opacity: .45; } }
@media (prefers-reduced-motion: reduce) { *, ::before { animation: none !important; transition: none !important; } }
@media (forced-colors: active) { .panel { border: 1px solid; } .badge { border: 1px solid; } .mark::before { background: CanvasText; } }
`;
