<?php
// The head of every page of the shop's theme, with the first generation's snippet. Only the host in it is new.

/** Returns a value as JSON that may stand in a script element. */
function script_json($value) {
    return json_encode($value, JSON_HEX_TAG | JSON_HEX_AMP | JSON_HEX_APOS | JSON_HEX_QUOT | JSON_UNESCAPED_SLASHES);
}
?>
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<title><?= htmlspecialchars($title) ?></title>
<script type="text/javascript">
window.metrilo = window.metrilo || [];
metrilo.q = [];
["identify", "track", "event", "pageview", "purchase", "debug", "atr"].forEach(function (name) {
  metrilo[name] = function () {
    metrilo.q.push([name].concat([].slice.call(arguments)));
  };
});
metrilo.load = function (token) {
  var script = document.createElement("script");
  script.async = true;
  script.src = "https://collector.example.com/j/" + token + ".js";
  document.head.appendChild(script);
};
metrilo.load("sh0p-t0k3n");
metrilo.pageview();
<?php if (isset($customer)): ?>
metrilo.identify(<?= script_json($customer['email']) ?>, <?= script_json($customer) ?>);
<?php endif ?>
<?php foreach ($events as $name => $params): ?>
metrilo.event(<?= script_json($name) ?>, <?= script_json($params) ?>);
<?php endforeach ?>
</script>
</head>
<body>
