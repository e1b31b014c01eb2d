<?php
// Stand-ins of the classes of OpenCart 3 that the recipe uses. Their methods are those of its public documentation.

[, $folder, $page] = $argv;
define('DIR_SYSTEM', "$folder/system/");

#[AllowDynamicProperties]
class Controller {}

class Stored
{
    public function __construct(private array $values)
    {
    }

    public function __call($name, $arguments)
    {
        $value = $this->values[$name] ?? throw new Exception("$name is not part of the stand-in");
        return $value instanceof Closure ? $value(...$arguments) : $value;
    }
}

require $page === 'install' ? "$folder/admin.php" : "$folder/catalog.php";
$shop = new ControllerExtensionModuleTillroll();
$shop->load = new Stored(['model' => fn ($name) => null]);

if ($page === 'install') {
    $shop->model_setting_event = new Stored(['addEvent' => function ($code, $trigger, $action) { echo "$trigger $action\n"; }, 'deleteEventByCode' => fn () => null]);
    $shop->install();
    exit;
}

$route = 'checkout/order/addOrderHistory';
if ($page === 'order') {
    $logged = 0;
    $order = ['date_added' => date('Y-m-d H:i:s'), 'email' => 'jo@shop.example', 'total' => '29.9000', 'order_status' => 'Complete'];
    $lines = [['product_id' => '312', 'quantity' => '2']];
    $shop->model_checkout_order = new Stored(['getOrder' => fn ($id) => $order, 'getOrderProducts' => fn ($id) => $lines]);
    $shop->log = new Stored(['write' => function ($text) use (&$logged) { $logged += 1; }]);
    $arguments = [1001, 5];
    $shop->order($route, $arguments);
    echo $logged;
    exit;
}

$queries = ['product' => ['route' => 'product/product', 'product_id' => '312'], 'category' => ['route' => 'product/category', 'path' => '20_312'],
    'search' => ['route' => 'product/search', 'search' => '</script>shirt'], 'checkout' => ['route' => 'checkout/checkout'], 'home' => []];
$shop->request = (object) ['get' => $queries[$page]];
$shop->customer = new Stored(['isLogged' => $page === 'search' ? '1' : '', 'getEmail' => 'jo@shop.example']);
$data = [];
$output = '<head></head><body>';
$shop->header($route, $data, $output);
echo $output;
