<?php
// Stand-ins of the classes of Magento 1 that the recipe uses. Their methods are those of its public documentation.

class Stored
{
    public function __construct(private array $values)
    {
    }

    public function __call($name, $arguments)
    {
        return $this->values[$name] ?? throw new Exception("$name is not part of the stand-in");
    }
}

class Zend_Log
{
    const ERR = 3;
}

class Mage
{
    public static int $logged = 0;

    public static function log($text, $level)
    {
        self::$logged += 1;
    }
}

class Template
{
    public function getProduct()
    {
        return new Stored(['getId' => '312']);
    }

    public function show($file)
    {
        require $file;
    }
}

[, $folder, $page] = $argv;
if ($page === 'order') {
    require "$folder/Model/Observer.php";
    $item = new Stored(['getProductId' => '312', 'getQtyOrdered' => '2.0000']);
    $order = new Stored(['getIncrementId' => '100001001', 'getCreatedAt' => gmdate('Y-m-d H:i:s'), 'getCustomerEmail' => 'jo@shop.example',
        'getGrandTotal' => '29.9000', 'getStatus' => 'complete', 'getAllVisibleItems' => [5 => $item]]);
    $event = new Stored(['getOrder' => $order]);
    (new Tillroll_Tracking_Model_Observer())->sendOrder(new Stored(['getEvent' => $event]));
    echo Mage::$logged;
    exit;
}
require __DIR__ . '/library.php';
echo library($folder), '<body>';
(new Template())->show("$folder/view.phtml");
