"""``report.html``: the whole run on one page that needs no network and no script.

::

    events ─▶ history ─▶ chain, bars ─┐
    plan ───▶ layout ──▶ drawing ─────┼─▶ page ─▶ template ─▶ report.html
    result ───────────────────────────┘

Everything left of the template is a function from frozen values to frozen values. What specifications, agents and tools wrote is hostile
text: it is cleaned in :mod:`.text`, escaped by the template, and never becomes a name, a link or a style.
"""
