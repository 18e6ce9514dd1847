// The console's script. A page is whole without it: it adds live figures, charts, mistakes
// beside fields while one types, times by the clock of the reader, and buttons to copy.
'use strict';
(() => {
	const $ = (s, of = document) => of.querySelector(s);
	const $$ = (s, of = document) => [...of.querySelectorAll(s)];

	// Times are sent in UTC; here they are by the clock of who reads.
	const two = (n) => String(n).padStart(2, '0');
	const day = (d) => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
	const clock = (d) => `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
	const moment = (d) => day(d) + ' ' + clock(d);
	function local(root) {
		for (const t of $$('time[datetime]', root)) {
			const d = new Date(t.dateTime);
			if (isNaN(d) || t.title) continue;
			t.title = t.textContent;
			t.textContent = moment(d);
		}
	}
	local(document);
	const zone = $('[data-zone]');
	if (zone) zone.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;

	// A command is copied by its button. Where there is no clipboard it is selected.
	for (const b of $$('[data-copy]')) {
		b.hidden = false;
		b.addEventListener('click', async () => {
			const code = b.previousElementSibling;
			try {
				await navigator.clipboard.writeText(code.textContent);
				b.textContent = '✓';
				setTimeout(() => { b.textContent = b.dataset.label; }, 1500);
			} catch {
				getSelection().selectAllChildren(code);
			}
		});
		b.dataset.label = b.textContent;
	}

	// What is live is replaced as a whole, but for the part in which somebody is reading or
	// typing: that waits.
	const waiting = new Map();
	function put(id, html) {
		const el = document.getElementById(id);
		if (!el) return;
		const chosen = getSelection();
		const busy = el.contains(document.activeElement) && document.activeElement !== el || !chosen.isCollapsed && el.contains(chosen.anchorNode);
		if (busy) { waiting.set(id, html); return; }
		waiting.delete(id);
		const left = $('.scroll', el)?.scrollLeft || 0;
		el.innerHTML = html; // of the console itself: its templates escape keys
		local(el);
		const s = $('.scroll', el);
		if (s) s.scrollLeft = left;
	}
	setInterval(() => { for (const [id, html] of waiting) put(id, html); }, 2000);

	// Charts: one for each curve, drawn anew where colours or the width change.
	const curves = $$('[data-curve]').map((el) => ({ el, of: el.dataset.curve }));
	let series = null;
	const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
	function color(name) { // light-dark() is resolved by the browser alone
		const probe = document.createElement('span');
		probe.style.color = `var(${name})`;
		document.body.append(probe);
		const c = getComputedStyle(probe).color;
		probe.remove();
		return c;
	}
	const short = (v) => v >= 1e6 ? (v / 1e6).toFixed(1) + 'M' : v >= 1e4 ? (v / 1e3).toFixed(0) + 'k' : v >= 100 || v === 0 ? String(Math.round(v)) : v.toFixed(1);
	function bytes(v) {
		const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
		let i = 0;
		while (v >= 1024 && i < units.length - 1) { v /= 1024; i++; }
		return (v >= 100 || v === 0 || i === 0 ? Math.round(v) : v.toFixed(1)) + ' ' + units[i];
	}
	// What the axis of time may step by, in seconds, and what stands at a step: the hour, with
	// the day beneath where a new one begins.
	const steps = [1, 2, 5, 10, 15, 30].flatMap((n) => [n, n * 60]).concat([1, 2, 3, 6, 12, 24, 48, 7 * 24, 28 * 24].map((n) => n * 3600)).sort((a, b) => a - b);
	function hour(s, each, anew) {
		const d = new Date(s * 1000);
		if (each >= 86400) return day(d).slice(5);
		return clock(d).slice(0, each < 60 ? 8 : 5) + (anew ? '\n' + day(d) : '');
	}
	function columns(of) {
		const from = Date.parse(series.from) / 1000;
		const at = series.objects.map((_, i) => from + i * series.each);
		const rate = series[of].map((v) => v / series.each);
		const beside = (list) => at.map((_, i) => list?.[i] || null); // none is not drawn
		return [at, rate, beside(series.failed), beside(series.throttled)];
	}
	function draw(c, anew) {
		if (!series || !series.each || !window.uPlot) return;
		const data = columns(c.of);
		if (c.plot && !anew) { c.plot.setData(data); return; }
		c.plot?.destroy();
		$('svg.plot', c.el)?.remove();
		const d = c.el.dataset, soft = color('--soft'), line = color('--line');
		const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: '11px ' + css('--sans') };
		const hours = { ...axis, space: 76, incrs: steps, values: (_, at, __, ___, each) => at.map((s, i) => hour(s, each, i === 0 || new Date(s * 1000).getDate() !== new Date(at[i - 1] * 1000).getDate())) };
		const say = c.of === 'bytes' ? (v) => bytes(v) + '/s' : (v) => short(v) + '/s';
		const dots = (name, label) => ({ label, scale: 'beside', stroke: color(name), width: 0, paths: () => null, points: { show: true, size: 6, fill: color(name) }, value: (_, v) => v == null ? '–' : String(v) });
		c.plot = new uPlot({
			width: c.el.clientWidth, height: 220, cursor: { sync: { key: 'run' } }, padding: [8, 28, 0, 0],
			scales: { x: { time: true }, y: { range: (_, lo, hi) => [0, Math.max(hi, 1) * 1.08] }, beside: { range: (_, lo, hi) => [0, Math.max(hi || 0, 1) * 1.25] } },
			axes: [hours, { ...axis, size: c.of === 'bytes' ? 66 : 46, values: (_, all) => all.map((v) => c.of === 'bytes' ? bytes(v) : short(v)) }],
			series: [
				{ label: d.time, value: (_, s) => s == null ? '–' : moment(new Date(s * 1000)) },
				{ label: d.unit, stroke: color('--c-copied'), fill: color('--info-wash'), width: 1.5, points: { show: false }, value: (_, v) => v == null ? '–' : say(v) },
				dots('--c-bad', d.failed), dots('--c-warn', d.throttled),
			],
		}, data, c.el);
	}
	const drawAll = (anew) => curves.forEach((c) => draw(c, anew));
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => drawAll(true));
	let resized;
	addEventListener('resize', () => {
		clearTimeout(resized);
		resized = setTimeout(() => curves.forEach((c) => c.plot?.setSize({ width: c.el.clientWidth, height: 220 })), 150);
	});
	function merge(news) { // from the stretch start on
		if (!news.start || !series) { series = news; return true; }
		for (const of of ['objects', 'bytes', 'failed', 'throttled']) series[of] = (series[of] || []).slice(0, news.start).concat(news[of] || []);
		return false;
	}
	function take(p) {
		for (const id in p.html) put(id, p.html[id]);
		if (p.series) { merge(p.series); drawAll(false); }
	}

	// Figures come as a stream, and where that cannot stay open they are asked for.
	const trouble = $('#trouble');
	function say(text) {
		if (!trouble) return;
		trouble.hidden = !text;
		trouble.textContent = text ? trouble.dataset.text + ' ' + text : '';
	}
	function poll(path, every) {
		let tag = '';
		const ask = async () => {
			let again = every;
			try {
				const headers = { Accept: 'application/json' };
				if (tag) headers['If-None-Match'] = tag;
				const r = await fetch(path, { headers, cache: 'no-store' });
				if (r.status === 401) return location.reload();
				if (r.status === 200) {
					tag = r.headers.get('ETag') || '';
					const p = await r.json();
					take(p);
					if (p.over) again = 0;
					say('');
				} else if (r.status !== 304) {
					const p = await r.json();
					say((p.says || []).join(' ') || p.error);
				}
			} catch (e) {
				say(String(e.message || e));
			}
			if (again) setTimeout(ask, document.hidden ? again * 5 : again);
		};
		ask();
	}
	const live = $('[data-live]');
	if (live) {
		const path = live.dataset.live;
		let heard = false;
		if (!window.EventSource) poll(path, 5000);
		else {
			const s = new EventSource(path);
			const on = (name, f) => s.addEventListener(name, (e) => { heard = true; f(JSON.parse(e.data)); });
			on('parts', (p) => { take(p); say(''); });
			on('trouble', (t) => say(t.join(' ')));
			on('over', (p) => {
				s.close();
				take(p);
				say('');
				if (!('over' in live.dataset)) location.reload(); // what can be done with it has changed
			});
			s.addEventListener('error', () => {
				if (s.readyState !== EventSource.CLOSED) return; // it asks again by itself
				s.close();
				if (!heard) poll(path, 5000);
				else location.reload();
			});
		}
	}
	const list = $('[data-poll]');
	if (list) poll(list.dataset.poll, 5000);

	// The form of a job: what is wrong beside each field, and the job as YAML.
	const form = $('form[data-check]');
	if (form) {
		let last = 0, timer;
		const touched = new Set();
		const check = async () => {
			const mine = ++last;
			try {
				const r = await fetch(form.dataset.check, { method: 'POST', headers: { Accept: 'application/json' }, body: new URLSearchParams(new FormData(form)) });
				if (!r.ok || mine !== last) return;
				const { wrong, yaml } = await r.json();
				$('#yaml code').textContent = yaml;
				for (const box of $$('[data-field]', form)) {
					const name = box.dataset.field;
					const says = touched.has(name) || name === '' && touched.size > 3 ? wrong[name] || [] : [];
					const ul = box.matches('ul') ? box : $('.mistakes', box);
					ul.replaceChildren(...says.map((text) => Object.assign(document.createElement('li'), { textContent: text })));
					if (box === ul) continue;
					box.classList.toggle('wrong', says.length > 0);
					const input = $('input, select, textarea', box);
					if (says.length) input.setAttribute('aria-invalid', 'true');
					else input.removeAttribute('aria-invalid');
				}
			} catch { /* the answer to the form itself tells */ }
		};
		const soon = (e) => {
			if (e.target.name) touched.add(e.target.name);
			clearTimeout(timer);
			timer = setTimeout(check, 250);
		};
		form.addEventListener('input', soon);
		form.addEventListener('change', soon);
		for (const box of $$('.field.wrong', form)) touched.add(box.dataset.field);
	}
})();
