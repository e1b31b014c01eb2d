<?php
// Stand-ins of the classes of PrestaShop that the recipe uses. Their methods and fields are those of its public documentation.

[, $folder, $page] = $argv;

#[AllowDynamicProperties]
class Module
{
    public array $hooks = [];

    public function __construct()
    {
        $this->context = (object) ['controller' => (object) ['php_self' => $GLOBALS['names'][$GLOBALS['page']] ?? null], 'customer' => new Customer(1)];
    }

    public function install()
    {
        return true;
    }

    public function registerHook($name)
    {
        $this->hooks[] = $name;
        return method_exists($this, 'hook' . ucfirst($name));
    }
}

class Customer
{
    public string $email = 'jo@shop.example';

    public function __construct(int $id)
    {
    }

    public function isLogged()
    {
        return $GLOBALS['page'] === 'search';
    }
}

class Order
{
    public int $id_customer = 1;
    public string $reference = 'XKBKNABJK';
    public string $total_paid = '29.900000';
    public string $date_add;

    public function __construct(int $id)
    {
        $this->date_add = date('Y-m-d H:i:s');
    }

    public function getProducts()
    {
        return [9 => ['product_id' => '312', 'product_quantity' => '2']];
    }
}

class Tools
{
    public static function getValue($name)
    {
        return $name === 's' ? '</script>shirt' : '312';
    }
}

class PrestaShopLogger
{
    public static int $logged = 0;

    public static function addLog($text, $severity)
    {
        self::$logged += 1;
    }
}

$names = ['product' => 'product', 'category' => 'category', 'search' => 'search', 'checkout' => 'order', 'home' => 'index'];
require "$folder/tillroll-module.php";
$module = new Tillroll();
if (!$module->install()) {
    exit('a hook has no method');
}
if ($page === 'order') {
    $module->hookActionOrderStatusPostUpdate(['id_order' => 1001, 'newOrderStatus' => (object) ['name' => 'Delivered']]);
    echo PrestaShopLogger::$logged;
    exit;
}
echo '<head>', $module->hookDisplayHeader(), '</head><body>';
